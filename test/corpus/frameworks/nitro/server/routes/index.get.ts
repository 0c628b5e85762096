export default defineEventHandler((event) => {
  setCookie(event, 'seen', 'yes', { httpOnly: true })
  setHeader(event, 'content-type', 'text/html; charset=utf-8')
  return `<h1>Hello ${getQuery(event).name ?? event.context.cloudflare.env.OWNER}</h1>`
})
