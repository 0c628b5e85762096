import { equal, ok, throwsCode } from '../assert.ts'
import { insideCases } from '../case.ts'
import { VARIABLES } from '../fixture/project.ts'

export const secretCases = insideCases('secrets', [
  {
    id: 'secrets-01',
    contract: 'A secret is read with an asynchronous get().',
    async run({ env, request }) {
      const reading = env.conformanceToken.get()
      ok(reading instanceof Promise, 'get() gives a promise')
      equal(await reading, request.headers.get('x-conformance-token'), 'value')
    },
  },
  {
    id: 'secrets-03',
    contract: 'An optional secret that is not set is null.',
    async run({ env }) {
      equal(await env.unset.get(), null, 'value')
    },
  },
  {
    id: 'secrets-04',
    contract: 'A secret of 4,096 bytes is read, one of 4,097 is LimitExceeded.',
    async run({ env }) {
      equal(await env.largest.get(), VARIABLES['LARGEST'], 'value')
      await throwsCode('LimitExceeded', () => env.tooLarge.get(), {
        limit: 'secret.value',
        actual: 4097,
        max: 4096,
      })
    },
  },
  {
    id: 'secrets-05',
    contract: 'A secret of many lines, with quotes, dollars and non-ASCII, is read exactly.',
    async run({ env }) {
      equal(await env.pem.get(), VARIABLES['PEM'], 'value')
    },
  },
  {
    id: 'secrets-08',
    contract:
      'A secret is not in what is printed of it: as text, in JSON, by its properties, or in an error.',
    async run({ env }) {
      const value = await env.pem.get()
      const printed = [
        String(env.pem),
        'text ' + env.pem,
        JSON.stringify(env.pem),
        JSON.stringify({ secret: env.pem }),
        JSON.stringify(env),
        JSON.stringify(Object.entries(env.pem)),
        JSON.stringify(Object.getOwnPropertyDescriptors(env.pem)),
      ]
      for (const text of printed)
        ok(!text.includes('BEGIN PRIVATE') && !text.includes(value), `printed: ${text.slice(0, 100)}`)
      const error = await throwsCode('LimitExceeded', () => env.tooLarge.get())
      ok(!`${error.message} ${JSON.stringify(error)}`.includes('xxxx'), 'the error holds the value')
    },
  },
  {
    id: 'secrets-09',
    contract: 'env has no variable of the process that is not declared.',
    run({ env }) {
      for (const name of [
        'PATH',
        'HOME',
        'CONFORMANCE_TOKEN',
        'PEM',
        'conformance_token',
        'AWS_SECRET_ACCESS_KEY',
      ])
        equal(name in env, false, name)
    },
  },
  {
    id: 'secrets-10',
    contract: 'A hundred concurrent reads give the same value.',
    async run({ env }) {
      equal(new Set(await Promise.all(Array.from({ length: 100 }, () => env.pem.get()))).size, 1, 'values')
    },
  },
  {
    id: 'secrets-12',
    contract: 'Variables are strings exactly as set: not trimmed, expanded or parsed.',
    run({ env }) {
      equal([env.padded, env.unicode], [VARIABLES['PADDED'], VARIABLES['UNICODE']], 'values')
    },
  },
  {
    id: 'secrets-13',
    contract: 'A variable that is not set has its default; one that is set to nothing is an empty string.',
    run({ env }) {
      equal([env.greeting, env.empty], ['hello, default', ''], 'values')
    },
  },
])
