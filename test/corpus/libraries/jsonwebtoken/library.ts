import { type Answers, defineLibrary } from '../../harness/library.ts'

const token = (answers: Answers): string => answers['sign']?.body ?? ''

export default defineLibrary({
  packages: ['jsonwebtoken'],
  variables: { JWT_SECRET: 'shhhhh' },
  requests: [
    { name: 'sign', path: '/sign', contains: 'eyJ' },
    { name: 'another algorithm', path: '/sign?alg=HS512', contains: 'eyJ' },
    { name: 'verify', path: (answers) => `/verify?token=${token(answers)}`, contains: 'bar' },
    { name: 'decode', path: (answers) => `/decode?token=${token(answers)}`, contains: 'HS256' },
    {
      name: 'expired',
      path: (answers) => `/verify?maxAge=1s&token=${token(answers)}`,
      status: 401,
      contains: 'TokenExpiredError',
    },
    { name: 'malformed', path: '/verify?token=a.b', status: 401, contains: 'jwt malformed' },
  ],
})
