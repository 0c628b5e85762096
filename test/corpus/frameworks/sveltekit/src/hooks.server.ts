import type { Handle, HandleServerError } from '@sveltejs/kit'

export const handle: Handle = async ({ event, resolve }) => {
  const response = await resolve(event)
  response.headers.set('x-platform', typeof event.platform?.caches)
  return response
}

export const handleError: HandleServerError = ({ status, message }) => ({ message: `${status}: ${message}` })
