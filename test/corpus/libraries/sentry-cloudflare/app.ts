import {
  addBreadcrumb,
  captureException,
  captureMessage,
  flush,
  getActiveSpan,
  setAsyncLocalStorageAsyncContextStrategy,
  setTag,
  setUser,
  startSpan,
  withIsolationScope,
  type ErrorEvent,
} from '@sentry/cloudflare'
import { wrapRequestHandler } from '@sentry/cloudflare/request'
import { Hono } from 'hono'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ UPSTREAM_URL: variable() })
const app = new Hono<{ Bindings: Env<typeof bindings> }>()
const sent: ErrorEvent[] = []

/** What the events say of themselves that is the same on every runtime. */
const summary = (): unknown =>
  sent
    .splice(0)
    .map(({ message, level, tags, user, breadcrumbs, exception, release, environment, request }) => ({
      message,
      level,
      tags,
      // Sentry adds the address of x-forwarded-for, a header that Lambda's front writes.
      user: user?.id === undefined ? undefined : { id: user.id },
      release,
      environment,
      method: request?.method,
      breadcrumbs: breadcrumbs?.map(({ message, category }) => ({ message, category })),
      exception: exception?.values?.map(({ type, value, stacktrace }) => ({
        type,
        value,
        stack: (stacktrace?.frames?.length ?? 0) > 0,
      })),
    }))

// Without it a scope is the process's own, and a request's user is in the events of those after it.
setAsyncLocalStorageAsyncContextStrategy()

class PaymentError extends Error {
  override name = 'PaymentError'
}

app.get('/exception', async (c) => {
  captureException(new PaymentError('declined', { cause: new TypeError('no funds') }))
  return c.json({ flushed: await flush(5000), events: summary() })
})
app.get('/message', async (c) => {
  captureMessage('Something happened', 'warning')
  await flush(5000)
  return c.json(summary())
})
app.get('/scope', async (c) => {
  await withIsolationScope(async () => {
    setUser({ id: '7' })
    setTag('area', 'checkout')
    addBreadcrumb({ category: 'cart', message: 'added' })
    await Promise.resolve()
    captureException(new RangeError('too many'))
  })
  await flush(5000)
  return c.json(summary())
})
app.get('/apart', async (c) => {
  captureMessage('of another request')
  await flush(5000)
  return c.json(summary())
})
app.get('/span', async (c) => {
  const result = await startSpan({ name: 'work', op: 'task' }, async (span) => {
    await Promise.resolve()
    return { recording: span.isRecording(), active: getActiveSpan() === span }
  })
  return c.json(result)
})
app.onError((error, c) => {
  captureException(error)
  return c.json(summary(), 500)
})
app.get('/throws', () => {
  throw new Error('out of the handler')
})

export default defineApp({
  bindings,
  fetch(request, env, ctx) {
    const options = {
      dsn: `http://key@${new URL(env.UPSTREAM_URL).host}/1`,
      release: 'corpus@1',
      environment: 'test',
      tracesSampleRate: 1,
      beforeSend(event: ErrorEvent) {
        sent.push(event)
        return event
      },
    }
    return wrapRequestHandler({ options, request, context: ctx }, () => app.fetch(request, env))
  },
})
