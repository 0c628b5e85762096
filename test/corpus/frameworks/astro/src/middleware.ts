import { defineMiddleware } from 'astro:middleware'

export const onRequest = defineMiddleware(async ({ url, locals }, next) => {
  if (url.pathname === '/blocked') return new Response('blocked', { status: 403 })
  const response = await next()
  response.headers.set('x-waits', String(typeof locals.cfContext?.waitUntil))
  return response
})
