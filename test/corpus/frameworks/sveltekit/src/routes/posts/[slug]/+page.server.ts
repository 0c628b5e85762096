import { error } from '@sveltejs/kit'

const posts: Record<string, string> = { first: 'The first post', ü: 'Umlaut' }

export const load = ({ params }) => {
  const text = posts[params.slug]
  if (text === undefined) error(404, 'No such post')
  return { text }
}
