/** The same app under aws-lambda-ric, by Hono's adapter. */
import { Hono } from 'hono'
import { handle } from 'hono/aws-lambda'

export const handler = handle(
  new Hono().get(
    '*',
    () => new Response('Hello, world!', { headers: { 'content-type': 'text/plain; charset=UTF-8' } }),
  ),
)
