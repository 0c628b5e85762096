import { defineLibrary } from '../../harness/library.ts'

const created = JSON.stringify({
  id: 'evt_1',
  object: 'event',
  type: 'payment_intent.created',
  data: { object: { id: 'pi_1', object: 'payment_intent', amount: 2000 } },
})
const other = JSON.stringify({ id: 'evt_2', object: 'event', type: 'charge.failed', data: { object: {} } })
const sign = (payload: string): string => `/sign?payload=${encodeURIComponent(payload)}`

/** The few calls of Stripe's API that the app makes. */
async function upstream(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  if (request.method === 'POST') {
    const form = new URLSearchParams(await request.text())
    return Response.json({
      id: 'cus_1',
      object: 'customer',
      email: form.get('email'),
      plan: form.get('metadata[plan]'),
    })
  }
  if (pathname === '/v1/customers') {
    const more = searchParams.get('starting_after') === null
    const data = (more ? ['cus_1', 'cus_2'] : ['cus_3']).map((id) => ({ id, object: 'customer' }))
    return Response.json({ object: 'list', url: '/v1/customers', has_more: more, data })
  }
  const error = { type: 'invalid_request_error', code: 'resource_missing', message: 'No such customer' }
  return Response.json({ error }, { status: 404 })
}

export default defineLibrary({
  packages: ['stripe'],
  variables: { STRIPE_API_KEY: 'sk_test_123', STRIPE_WEBHOOK_SECRET: 'whsec_test' },
  upstream,
  requests: [
    { name: 'sign', path: sign(created), contains: 't=1700000000,v1=' },
    { name: 'sign another', path: sign(other), contains: 'v1=' },
    {
      name: 'webhook',
      path: '/webhook',
      body: created,
      headers: (answers) => ({ 'stripe-signature': answers['sign']?.body ?? '' }),
      contains: 'pi_1',
    },
    {
      name: 'an event that is ignored',
      path: '/webhook',
      body: other,
      headers: (answers) => ({ 'stripe-signature': answers['sign another']?.body ?? '' }),
      contains: 'charge.failed',
    },
    {
      name: 'a body that was changed',
      path: '/webhook',
      body: `${created} `,
      headers: (answers) => ({ 'stripe-signature': answers['sign']?.body ?? '' }),
      status: 400,
      contains: 'StripeSignatureVerificationError',
    },
    { name: 'unsigned', path: '/webhook', body: created, status: 400 },
    { name: 'create', method: 'POST', path: '/customers', contains: 'ada@example.com' },
    { name: 'pages', path: '/customers', contains: '["cus_1","cus_2","cus_3"]' },
    { name: 'missing', path: '/missing', status: 404, contains: 'StripeInvalidRequestError' },
  ],
})
