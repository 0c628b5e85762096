import { data, useLoaderData } from 'react-router'

const posts: Record<string, string> = { first: 'The first post', ü: 'Umlaut' }

export const loader = ({ params }: any) => {
  const text = posts[params.slug]
  if (text === undefined) throw data('No such post', { status: 404 })
  return data({ text }, { headers: { 'x-post': 'yes' } })
}

export const headers = ({ loaderHeaders }: any) => loaderHeaders

export default function Post() {
  return <h1>{useLoaderData<typeof loader>().text}</h1>
}
