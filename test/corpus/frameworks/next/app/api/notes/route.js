import { getCloudflareContext } from '@opennextjs/cloudflare'

export async function POST(request) {
  const text = (await request.formData()).get('text')
  if (typeof text !== 'string' || text === '')
    return Response.json({ error: 'text is missing' }, { status: 422 })
  const { env } = getCloudflareContext()
  await env.NOTES.put('note', text)
  return new Response(null, { status: 303, headers: { location: '/notes' } })
}
