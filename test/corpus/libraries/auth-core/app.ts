import { Auth, type AuthConfig } from '@auth/core'
import Credentials from '@auth/core/providers/credentials'
import GitHub from '@auth/core/providers/github'
import { defineApp, defineBindings, variable } from 'unmoor'

const bindings = defineBindings({ AUTH_SECRET: variable() })

const config = (secret: string): AuthConfig => ({
  basePath: '/auth',
  secret,
  trustHost: true,
  session: { strategy: 'jwt' },
  logger: { error() {}, warn() {}, debug() {} },
  providers: [
    Credentials({
      credentials: { username: { label: 'User' }, password: { label: 'Password', type: 'password' } },
      authorize: ({ username, password }) =>
        username === 'ada' && password === 'secret'
          ? { id: '1', name: 'Ada', email: 'ada@example.com' }
          : null,
    }),
    GitHub({ clientId: 'client', clientSecret: 'client-secret' }),
  ],
  callbacks: {
    jwt: ({ token, user }) => (user === undefined ? token : { ...token, role: 'admin' }),
    session: ({ session, token }) => ({ ...session, role: token['role'] }),
  },
})

export default defineApp({ bindings, fetch: (request, env) => Auth(request, config(env.AUTH_SECRET)) })
