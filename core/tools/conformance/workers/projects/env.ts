import { ok } from '../../assert.ts'
import { equal } from '../cases/tools.ts'
import { TOKEN } from '../fixture/project.ts'
import { type ProjectCase, projectCases, type Site } from './project-case.ts'

const NAMES = ['ABSENT', 'ABSENT_OF_MODULE', 'absentLower', 'ABSENT_BY_THIS']

async function said(site: Site, text: string): Promise<number> {
  const count = (): number => site.output.filter((line) => line.includes(text)).length
  const until = Date.now() + 10_000
  while (count() === 0 && Date.now() < until) await new Promise((next) => void setTimeout(next, 20))
  return count()
}

export const ENV: ProjectCase[] = projectCases(
  {
    wrangler: {
      name: 'env-fixture',
      main: 'src/index.js',
      compatibility_date: '2026-07-01',
      compatibility_flags: ['nodejs_compat'],
      vars: { GIVEN: 'given' },
      services: [{ binding: 'SELF', service: 'env-fixture', entrypoint: 'Own' }],
    },
    files: {
      '.dev.vars': `TOKEN=${TOKEN}\n`,
      'src/index.js': `
import { env as moduleEnv, WorkerEntrypoint } from 'cloudflare:workers'
export class Own extends WorkerEntrypoint {
  told() { return [this.env.GIVEN, String(this.env.ABSENT_BY_THIS)] }
}
export default {
  async fetch(request, env) {
    const { DESTRUCTURED, GIVEN } = env
    env.WRITTEN = 'written'
    return Response.json([env.GIVEN, GIVEN, env.TOKEN, moduleEnv.GIVEN, String(env.ABSENT),
      String(env.ABSENT),       String(moduleEnv.ABSENT_OF_MODULE), String(env['absentLower']), String(DESTRUCTURED), env.WRITTEN,
      'ABSENT' in env, env.hasOwnProperty('GIVEN'),
      ...(await env.SELF.told()), String(process.env.NODE_ENV_X),
      Object.keys(env).includes('GIVEN'), { ...env }.GIVEN])
  },
}
`,
    },
  },
  [
    [
      '50',
      'a name that nobody gives is undefined, and the build names it',
      async (site, target) => {
        const none = 'undefined'
        const first = ['given', 'given', TOKEN, 'given', none, none, none, none, none, 'written']
        equal(
          JSON.parse(await site.text('/')),
          first.concat([false, true, 'given', none, none, true, 'given'] as never),
        )
        // The warnings about unset names of the Worker's env come from unmoor's build; wrangler has none.
        if (target === 'cloudflare') return
        for (const name of NAMES)
          equal(site.warnings.filter((text) => text.includes(` env.${name},`)).length, 1, name)
        for (const name of ['GIVEN', 'TOKEN', 'SELF', 'NODE_ENV_X', 'hasOwnProperty'])
          ok(!site.warnings.some((text) => text.includes(`env.${name}`)), name)
      },
    ],
    [
      '51',
      'so does the first read of it',
      async (site, target) => {
        await site.text('/')
        await site.text('/')
        if (target === 'cloudflare') return
        for (const name of [...NAMES, 'DESTRUCTURED'])
          ok((await said(site, `env.${name} is read`)) >= 1, name)
        equal(await said(site, 'env.ABSENT is read'), 1)
      },
    ],
  ],
)
