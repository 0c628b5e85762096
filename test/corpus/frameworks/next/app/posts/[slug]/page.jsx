import { notFound } from 'next/navigation'

const POSTS = { first: 'The first post', ü: 'Umlaut' }

export default async function Post({ params }) {
  const { slug } = await params
  const title = POSTS[decodeURIComponent(slug)]
  if (title === undefined) notFound()
  return <h1>{title}</h1>
}
