import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['jose'],
  variables: { JWT_SECRET: 'cc7e0d44fd473002f1c42167459001140ec6389b7353f8088f4d9a95f2f596f2' },
  requests: [
    { name: 'sign', path: '/hs256', contains: 'eyJ' },
    {
      name: 'verify',
      path: ({ sign }) => `/verify?token=${sign?.body ?? ''}`,
      contains: 'urn:example:claim',
    },
    {
      name: 'wrong issuer',
      path: ({ sign }) => `/verify?issuer=other&token=${sign?.body ?? ''}`,
      status: 401,
      contains: 'JWTClaimValidationFailed',
    },
    { name: 'no token', path: '/verify?token=a.b', status: 401, contains: 'JWSInvalid' },
    { name: 'elliptic curves', path: '/es256', contains: 'ada' },
    { name: 'encrypted', path: '/jwe', contains: 'message' },
    { name: 'pem', path: '/pem', contains: 'BEGIN PRIVATE KEY' },
  ],
})
