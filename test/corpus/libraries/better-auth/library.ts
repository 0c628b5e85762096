import { type Answers, defineLibrary } from '../../harness/library.ts'

const origin = { origin: 'http://localhost:3000' }
const session = (name: string) => (answers: Answers) => ({
  ...origin,
  cookie: answers[name]?.headers['set-cookie']?.split(';')[0] ?? '',
})
const ada = { email: 'ada@example.com', password: 'correct horse', name: 'Ada' }

export default defineLibrary({
  packages: ['better-auth', 'kysely'],
  variables: { BETTER_AUTH_SECRET: 'a-secret-of-at-least-32-characters' },
  // Ids, tokens, the signed cookie and times are new in each run; Lambda's front tells the client's address.
  mask: [
    /"(?:id|token|userId)":"[\w-]+"/g,
    /"ipAddress":"[^"]*"/g,
    /"(?:createdAt|updatedAt|expiresAt)":"[^"]+"/g,
    /(?<=session_token=)[^;]+/g,
    /(?<=set-auth-token: )\S+/g,
    /^[\w-]{32}\.\S+$/g,
  ],
  requests: [
    { name: 'ok', path: '/api/auth/ok', contains: 'true' },
    { name: 'no session', path: '/api/auth/get-session', headers: origin, contains: 'null' },
    { name: 'sign up', path: '/api/auth/sign-up/email', headers: origin, body: ada, contains: 'Ada' },
    { name: 'sign up twice', path: '/api/auth/sign-up/email', headers: origin, body: ada, status: 422 },
    {
      name: 'a short password',
      path: '/api/auth/sign-up/email',
      headers: origin,
      body: { ...ada, email: 'b@example.com', password: 'short' },
      status: 400,
    },
    {
      name: 'sign in',
      path: '/api/auth/sign-in/email',
      headers: origin,
      body: { email: ada.email, password: ada.password },
      contains: 'Ada',
    },
    {
      name: 'a wrong password',
      path: '/api/auth/sign-in/email',
      headers: origin,
      body: { email: ada.email, password: 'not the right one' },
      status: 401,
    },
    {
      name: 'session',
      path: '/api/auth/get-session',
      headers: session('sign in'),
      contains: 'ada@example.com',
    },
    {
      name: 'bearer',
      path: '/api/auth/get-session',
      headers: (answers) => ({
        ...origin,
        authorization: `Bearer ${answers['sign in']?.headers['set-auth-token'] ?? ''}`,
      }),
      contains: 'ada@example.com',
    },
    {
      name: 'update',
      path: '/api/auth/update-user',
      headers: session('sign in'),
      body: { name: 'Ada L.' },
      contains: 'true',
    },
    { name: 'sessions', path: '/api/auth/list-sessions', headers: session('sign in'), contains: 'token' },
    {
      name: 'another origin',
      path: '/api/auth/sign-in/email',
      headers: { origin: 'https://evil.example', cookie: 'a=b' },
      body: { email: ada.email, password: ada.password },
      status: 403,
    },
    {
      name: 'sign out',
      body: {},
      path: '/api/auth/sign-out',
      headers: session('sign in'),
      contains: 'true',
    },
    { name: 'signed out', path: '/api/auth/get-session', headers: session('sign in'), contains: 'null' },
  ],
})
