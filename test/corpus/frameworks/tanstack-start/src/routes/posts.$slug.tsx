import { createFileRoute, notFound } from '@tanstack/react-router'

const posts: Record<string, string> = { first: 'The first post', ü: 'Umlaut' }

export const Route = createFileRoute('/posts/$slug')({
  loader: ({ params }) => {
    const text = posts[params.slug]
    if (text === undefined) throw notFound()
    return { text }
  },
  component: Post,
  notFoundComponent: () => <p>No such post</p>,
})

function Post() {
  return <h1>{Route.useLoaderData().text}</h1>
}
