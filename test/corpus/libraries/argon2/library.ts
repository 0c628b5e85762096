import { type Answers, defineLibrary } from '../../harness/library.ts'

const reason = 'argon2 is a native module, which only Node loads'
const hash = (answers: Answers): string => encodeURIComponent(answers['a given salt']?.body ?? '')

export default defineLibrary({
  packages: ['argon2'],
  refused: { cloudflare: { names: 'argon2', reason }, isolate: { names: 'argon2', reason } },
  requests: [
    { name: 'hash', path: '/hash?password=secret', contains: '"verified":true' },
    { name: 'a given salt', path: '/salted?password=s%C3%A4cret', contains: '$argon2id$' },
    { name: 'raw', path: '/raw?password=secret' },
    {
      name: 'right',
      path: (answers) => `/verify?password=s%C3%A4cret&hash=${hash(answers)}`,
      contains: 'true',
    },
    { name: 'wrong', path: (answers) => `/verify?password=x&hash=${hash(answers)}`, contains: 'false' },
    { name: 'rehash', path: (answers) => `/rehash?hash=${hash(answers)}`, contains: 'true' },
    { name: 'no hash', path: '/bad', status: 400 },
  ],
})
