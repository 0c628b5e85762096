const posts: Record<string, string> = { first: 'The first post', ü: 'Umlaut' }

export default defineEventHandler((event) => {
  const slug = decodeURIComponent(getRouterParam(event, 'slug') ?? '')
  const text = posts[slug]
  if (text === undefined) throw createError({ statusCode: 404, statusMessage: 'No such post' })
  return { slug, text }
})
