/**
 * The Lambda target's runtime against an empty loop and AWS's own client, and its translation of events
 * against Hono's and srvx's adapters.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isUnmoorError } from '../../../core/errors.ts'
import { type BenchGroup, runWanted } from '../bench.ts'
import { emptyLoop, type FunctionProcess, ourFunction, ricFunction } from '../lambda/environment.ts'
import { compareInvocations, compareStarts } from '../lambda/invoke.ts'
import { compareTranslations, KINDS } from '../lambda/translate.ts'
import { type Subject, subjectsOf } from '../subject.ts'

/** All from the same rounds. */
const TRANSLATIONS = ['lambda.translate', ...KINDS.map((kind) => `lambda.translate.${kind}`)]

export const lambdaGroup: BenchGroup = {
  name: 'lambda',
  ids: ['lambda.start', 'lambda.start.links', 'lambda.invoke', ...TRANSLATIONS],
  async run(options) {
    const scratch = await mkdtemp(join(tmpdir(), 'unmoor-bench-'))
    // AWS's client is built on the machine, so it may not be there.
    const ric = async (name: string, server: string): Promise<FunctionProcess[]> => {
      try {
        return [await ricFunction(name, server, scratch)]
      } catch (error) {
        if (!isUnmoorError(error, 'NotFound')) throw error
        options.log(`left out: ${name}. ${error.message}`)
        return []
      }
    }
    const subjects = subjectsOf(options)
    const functions = async (
      of: (subject: Subject, out: string) => Promise<FunctionProcess>,
    ): Promise<FunctionProcess[]> => {
      const found: FunctionProcess[] = []
      for (const [index, subject] of subjects.entries())
        found.push(await of(subject, join(scratch, String(index))))
      return found
    }
    const hello = (): Promise<FunctionProcess[]> =>
      functions((subject, out) => ourFunction(subject, subject.file('apps/lambda'), join(out, 'hello')))
    const links = (): Promise<FunctionProcess[]> =>
      functions((subject, out) =>
        ourFunction(subject, subject.rootFile('examples/links'), join(out, 'links'), LINKS),
      )
    /** With another commit there are no peers. */
    const peers = async (name: string, server: string): Promise<FunctionProcess[]> =>
      options.base === undefined ? [await emptyLoop(scratch), ...(await ric(name, server))] : []
    try {
      return await runWanted(options, [
        [
          'lambda.start',
          async () =>
            compareStarts(
              'lambda.start',
              [...(await hello()), ...(await peers('aws-lambda-ric, bare handler', 'lambda-bare'))],
              options,
            ),
        ],
        [
          'lambda.start.links',
          async () => {
            if (options.base !== undefined) return compareStarts('lambda.start.links', await links(), options)
            const others = (await hello()).map((one) => ({ ...one, name: 'hello' }))
            return {
              ...(await compareStarts('lambda.start.links', [...(await links()), ...others], options)),
              note: 'the links example with all its bindings over hello',
            }
          },
        ],
        [
          'lambda.invoke',
          async () =>
            compareInvocations(
              'lambda.invoke',
              [...(await hello()), ...(await peers('aws-lambda-ric, hono/aws-lambda', 'lambda-hono'))],
              options,
            ),
        ],
        [TRANSLATIONS, () => compareTranslations('lambda.translate', options)],
      ])
    } finally {
      await rm(scratch, { recursive: true, force: true })
    }
  },
}

/** What the example's drivers look for at start; nothing is called there. */
const LINKS: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: 'key',
  AWS_SECRET_ACCESS_KEY: 'secret',
  UNMOOR_TABLE: 'table',
  UNMOOR_BUCKET: 'bucket',
  DATABASE_URL: 'postgres://user:password@127.0.0.1:1/links',
  CLICKS_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/clicks',
  LOST_CLICKS_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/lost-clicks',
  ADMIN_TOKEN: 'token',
}
