/**
 * The process of a control: the app's module as Node itself loads it, with the packages as Node resolves
 * them, served on node:http. Its `env` is the variables.
 */
import { servePlainly } from './plain-server.ts'

interface Start {
  entry: string
  variables: Record<string, string>
}

interface ControlledApp {
  default: { fetch(request: Request, env: unknown, ctx: unknown): Response | Promise<Response> }
}

process.once('message', (start: Start) => {
  main(start).catch((error: unknown) =>
    process.send?.({ error: error instanceof Error ? error.stack : String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))

async function main({ entry, variables }: Start): Promise<void> {
  const { default: app } = (await import(entry)) as ControlledApp
  const ctx = {
    props: {},
    signal: new AbortController().signal,
    passThroughOnException() {},
    waitUntil(promise: Promise<unknown>) {
      promise.catch((error: unknown) => console.error('waitUntil promise rejected:', error))
    },
  }
  const { url } = await servePlainly((request) => app.fetch(request, variables, ctx))
  process.send?.({ url })
}
