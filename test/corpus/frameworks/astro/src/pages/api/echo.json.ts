import type { APIRoute } from 'astro'

export const GET: APIRoute = ({ url, request }) =>
  Response.json({ query: Object.fromEntries(url.searchParams), accept: request.headers.get('accept') })

export const POST: APIRoute = async ({ request }) =>
  Response.json(await request.json(), { status: 201, headers: { 'x-from': 'astro' } })
