import { createRequestHandler } from 'react-router'

declare module 'react-router' {
  interface AppLoadContext {
    cloudflare: { env: Env; ctx: { waitUntil(promise: Promise<unknown>): void } }
  }
}

interface Env {
  VALUE_FROM_CLOUDFLARE: string
  NOTES: { get(key: string): Promise<string | null>; put(key: string, value: string): Promise<void> }
}

const requestHandler = createRequestHandler(
  () => import('virtual:react-router/server-build'),
  import.meta.env.MODE,
)

export default {
  fetch(request: Request, env: Env, ctx: { waitUntil(promise: Promise<unknown>): void }) {
    return requestHandler(request, { cloudflare: { env, ctx } })
  },
}
