import type { Fault } from './lambda-cloud.ts'

/** An app that answers its code's name and its secret. `live` is what it answers to the header of live traffic. */
export function appOf(text: string, { live = text, bindings = '', more = '', before = '' } = {}): string {
  return `
import { defineApp, defineBindings, queue, secret, sql } from 'unmoor'
${before}
export default defineApp({
  bindings: defineBindings({ token: secret(), db: sql({ migrations: 'migrations' }), ${bindings} }),
  async fetch(request, env) {
    const text = request.headers.get('x-live') === 'yes' ? '${live}' : '${text}'
    return text === '500' ? new Response('', { status: 500 }) : new Response(text + ' ' + (await env.token.get()))
  },
  ${more}
})
void queue
`
}

/** What a plan refuses: name, arguments, environment, planted fault, and the message. */
export const WRONG: [string, string[], Record<string, string>, Fault | undefined, string][] = [
  ['an expired token', [], {}, { call: 'sts GetCallerIdentity', answer: 'ExpiredToken' }, 'wrong or expired'],
  [
    'missing credentials',
    [],
    { AWS_ACCESS_KEY_ID: '', AWS_EC2_METADATA_DISABLED: 'true' },
    undefined,
    'There are no AWS credentials',
  ],
  [
    'missing region',
    ['--env', 'staging'],
    { AWS_REGION: '' },
    undefined,
    'lacks the secrets shop-staging/token',
  ],
  ['no docker', [], { DOCKER_HOST: 'unix:///nowhere.sock' }, undefined, 'docker does not answer'],
  [
    'a registry in another region',
    ['--env', 'elsewhere'],
    {},
    undefined,
    'in us-east-1, and the function in',
  ],
  ['a repository of another account', ['--env', 'foreign'], {}, undefined, 'which the account 999999999999'],
  ['a repository with a tag', ['--env', 'tagged'], {}, undefined, 'It takes a repository without a tag'],
  ['an unknown parameter', ['--env', 'typo'], {}, undefined, 'the template has no such parameter. It has: '],
  ['another architecture', ['--env', 'arm'], {}, undefined, 'and docker builds for'],
  ['a missing secret', [], {}, undefined, 'lacks the secrets shop/token (TOKEN), shop/DATABASE_URL'],
  [
    'a refused right',
    [],
    {},
    { call: 'cloudformation DescribeStacks', answer: 'AccessDenied' },
    'The rights of a deploy are in the README',
  ],
]
/** A step that fails: by an answer of AWS, by the app, or by what is planted before the deploy. */
export interface Row {
  readonly phase: string
  readonly fault?: Fault
  readonly app?: string
  readonly plant?: (dir: string) => Promise<void> | void
  readonly args?: readonly string[]
  readonly migration?: string
}
/** A step of a phase that fails by the answer to a call. */
export const at = (phase: string, call: string, answer = 'InternalFailure', after = 0): Row => ({
  phase,
  fault: { call, answer, after },
})
