import { createFileRoute } from '@tanstack/react-router'
import { env } from 'cloudflare:workers'

interface Notes {
  get(key: string): Promise<string | null>
  put(key: string, value: string): Promise<void>
}

const notes = (): Notes => (env as unknown as { NOTES: Notes }).NOTES

export const Route = createFileRoute('/api/notes')({
  server: {
    handlers: {
      GET: async () => Response.json({ note: await notes().get('note') }),
      POST: async ({ request }) => {
        const text = String((await request.formData()).get('text') ?? '')
        if (text === '') return new Response('text is missing', { status: 422 })
        await notes().put('note', text)
        return new Response(null, { status: 303, headers: { location: '/api/notes' } })
      },
      PUT: async ({ request }) => Response.json(await request.json(), { status: 201 }),
    },
  },
})
