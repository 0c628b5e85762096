import { betterAuth } from 'better-auth'
import { bearer } from 'better-auth/plugins'
import { type Dialect, Kysely } from 'kysely'

/** The app, on whatever database the dialect is of. */
export function answer(request: Request, dialect: Dialect, secret: string): Promise<Response> {
  const auth = betterAuth({
    baseURL: 'http://localhost:3000',
    secret,
    // Its tables have text for times and 0 or 1 for booleans, which is the same on every engine.
    database: { db: new Kysely({ dialect }), type: 'sqlite', transaction: false },
    emailAndPassword: { enabled: true, minPasswordLength: 10 },
    plugins: [bearer()],
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    logger: { disabled: true },
  })
  return auth.handler(request)
}
