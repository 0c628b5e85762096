import { json } from '@sveltejs/kit'

export const GET = ({ url, getClientAddress }) =>
  json({ query: Object.fromEntries(url.searchParams), address: typeof getClientAddress })

export const POST = async ({ request }) =>
  json(await request.json(), { status: 201, headers: { 'x-from': 'kit' } })
