import { Resend } from 'resend'
import { defineApp, defineBindings, variable } from 'unmoor'

const bindings = defineBindings({ UPSTREAM_URL: variable() })
const message = { from: 'Ädä <ada@example.com>', to: ['bob@example.com'], subject: 'Hällo' }

const told = ({ data, error }: { data: unknown; error: { statusCode: number | null } | null }): Response =>
  Response.json({ data, error }, { status: error?.statusCode ?? 200 })

export default defineApp({
  bindings,
  async fetch(request, env) {
    const resend = new Resend('re_key', { baseUrl: env.UPSTREAM_URL })
    switch (new URL(request.url).pathname) {
      case '/send':
        return told(await resend.emails.send({ ...message, html: '<b>ä</b>' }, { idempotencyKey: 'once' }))
      case '/attach':
        return told(
          await resend.emails.send({
            ...message,
            text: 'see',
            attachments: [{ filename: 'a.txt', content: Buffer.from('ä') }],
          }),
        )
      case '/batch':
        return told(
          await resend.batch.send([
            { ...message, text: 'one' },
            { ...message, text: 'two' },
          ]),
        )
      case '/get':
        return told(await resend.emails.get('e1'))
      default:
        return told(await resend.emails.get('none'))
    }
  },
})
