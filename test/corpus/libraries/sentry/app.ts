import * as Sentry from '@sentry/node'
import { Hono } from 'hono'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ UPSTREAM_URL: variable() })
const app = new Hono<{ Bindings: Env<typeof bindings> }>()
const sent: Sentry.ErrorEvent[] = []

function start(env: Env<typeof bindings>): void {
  if (Sentry.isInitialized()) return
  Sentry.init({
    dsn: `http://key@${new URL(env.UPSTREAM_URL).host}/1`,
    release: 'corpus@1',
    environment: 'test',
    integrations: [
      Sentry.linkedErrorsIntegration(),
      Sentry.dedupeIntegration(),
      Sentry.eventFiltersIntegration(),
    ],
    defaultIntegrations: false,
    tracesSampleRate: 1,
    beforeSend(event) {
      sent.push(event)
      return event
    },
  })
}

/** What the events say of themselves that is the same on every runtime. */
const summary = (): unknown =>
  sent.splice(0).map(({ message, level, tags, user, breadcrumbs, exception, release, environment }) => ({
    message,
    level,
    tags,
    user,
    release,
    environment,
    breadcrumbs: breadcrumbs?.map(({ message, category }) => ({ message, category })),
    exception: exception?.values?.map(({ type, value, stacktrace }) => ({
      type,
      value,
      stack: (stacktrace?.frames?.length ?? 0) > 0,
    })),
  }))

class PaymentError extends Error {
  override name = 'PaymentError'
}

app.use(async (c, next) => {
  start(c.env)
  await Sentry.withIsolationScope(next)
})
app.get('/exception', async (c) => {
  Sentry.captureException(new PaymentError('declined', { cause: new TypeError('no funds') }))
  return c.json({ flushed: await Sentry.flush(5000), events: summary() })
})
app.get('/message', async (c) => {
  Sentry.captureMessage('Something happened', 'warning')
  await Sentry.flush(5000)
  return c.json(summary())
})
app.get('/scope', async (c) => {
  Sentry.setUser({ id: '7' })
  Sentry.setTag('area', 'checkout')
  Sentry.addBreadcrumb({ category: 'cart', message: 'added' })
  await Promise.resolve()
  Sentry.captureException(new RangeError('too many'))
  await Sentry.flush(5000)
  return c.json(summary())
})
app.get('/apart', async (c) => {
  Sentry.captureMessage('of another request')
  await Sentry.flush(5000)
  return c.json(summary())
})
app.get('/span', async (c) => {
  const result = await Sentry.startSpan({ name: 'work', op: 'task' }, async (span) => {
    await Promise.resolve()
    return { recording: span.isRecording(), active: Sentry.getActiveSpan() === span }
  })
  return c.json(result)
})
app.onError((error, c) => {
  Sentry.captureException(error)
  return c.json(summary(), 500)
})
app.get('/throws', () => {
  throw new Error('out of the handler')
})

export default defineApp({ bindings, fetch: app.fetch })
