import { Hono } from 'hono'
import Stripe from 'stripe'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({
  STRIPE_API_KEY: variable(),
  STRIPE_WEBHOOK_SECRET: variable(),
  UPSTREAM_URL: variable(),
})
const app = new Hono<{ Bindings: Env<typeof bindings> }>()

function client(env: Env<typeof bindings>): Stripe {
  const { hostname, port } = new URL(env.UPSTREAM_URL)
  return new Stripe(env.STRIPE_API_KEY, {
    host: hostname,
    port: Number(port),
    protocol: 'http',
    httpClient: Stripe.createFetchHttpClient(),
    maxNetworkRetries: 0,
    telemetry: false,
  })
}

app.post('/webhook', async (c) => {
  const stripe = client(c.env)
  const signature = c.req.header('stripe-signature')
  try {
    if (!signature) return c.text('No signature', 400)
    const event = await stripe.webhooks.constructEventAsync(
      await c.req.text(),
      signature,
      c.env.STRIPE_WEBHOOK_SECRET,
      // The requests are signed once for all targets.
      Infinity,
    )
    if (event.type === 'payment_intent.created') return c.json({ created: event.data.object.id })
    return c.json({ ignored: event.type })
  } catch (error) {
    const name = error instanceof Stripe.errors.StripeSignatureVerificationError ? error.type : 'other'
    return c.text(`⚠️  Webhook signature verification failed. ${name}`, 400)
  }
})
app.get('/sign', async (c) =>
  c.text(
    await client(c.env).webhooks.generateTestHeaderStringAsync({
      payload: c.req.query('payload') ?? '',
      secret: c.env.STRIPE_WEBHOOK_SECRET,
      timestamp: 1_700_000_000,
    }),
  ),
)
app.post('/customers', async (c) => {
  const customer = await client(c.env).customers.create({
    email: 'ada@example.com',
    metadata: { plan: 'pro' },
  })
  return c.json({ id: customer.id, email: customer.email, status: customer.lastResponse.statusCode })
})
app.get('/customers', async (c) => {
  const ids: string[] = []
  for await (const { id } of client(c.env).customers.list({ limit: 2 })) ids.push(id)
  return c.json(ids)
})
app.get('/missing', async (c) => {
  try {
    return c.json(await client(c.env).customers.retrieve('cus_missing'))
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError)) throw error
    return c.json(
      { type: error.type, code: error.code, status: error.statusCode, name: error.constructor.name },
      404,
    )
  }
})

export default defineApp({ bindings, fetch: app.fetch })
