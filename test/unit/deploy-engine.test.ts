import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DeployPlan, DeployStep } from '../../core/deploy.ts'
import { planLines, runPlan } from '../../core/tools/deploy/engine.ts'
import { chooseEnvironment, environmentDeployOptions } from '../../core/tools/build/environments.ts'
import { createTrial } from '../../core/tools/deploy/smoke.ts'

const ORDER = ['migrations', 'smoke', 'switch', 'watch'] as const

describe('the engine of deploys', () => {
  const done: string[] = []
  const progress = {
    step: <T>(_what: string, work: () => Promise<T>) => work(),
    print: () => undefined,
    warn: (message: string) => void done.push(message),
    isStopped: () => done.includes('stop'),
  }

  function planOf(change: (step: DeployStep) => Partial<DeployStep>, goesBack = true): DeployPlan {
    done.length = 0
    const steps = ORDER.map((phase): DeployStep => {
      const step: DeployStep = {
        phase,
        title: `do ${phase}`,
        command: `run ${phase}`,
        changes: 'something',
        undo: `undo ${phase}`,
        run: async () => void done.push(phase),
        ...(goesBack && (phase === 'smoke' || phase === 'switch')
          ? { revert: async () => void done.push(`back ${phase}`) }
          : {}),
      }
      return { ...step, ...change(step) }
    })
    return { serving: 'version 1', checked: [], steps, confirm: [], served: () => 'version 2' }
  }

  const failing = (phase: string) =>
    planOf((step) => (step.phase === phase ? { run: () => Promise.reject(new Error('no luck')) } : {}))

  test('runs each step once, in its order', async () => {
    await runPlan(
      planOf(() => ({})),
      progress,
    )
    expect(done).toEqual([...ORDER])
  })

  test('takes back the failed step and those before it, the last first, and never a migration', async () => {
    await expect(runPlan(failing('switch'), progress)).rejects.toThrow(
      'step 3 of 4 (switch: do switch) failed: no luck. Serving again: version 1. Stays as it is now: do migrations.',
    )
    expect(done).toEqual(['migrations', 'smoke', 'back switch', 'back smoke'])
    await expect(runPlan(failing('migrations'), progress)).rejects.toThrow('Still serving: version 1.')
    expect(done).toEqual([])
  })

  test('says what to do by hand if going back fails too', async () => {
    const { steps, ...plan } = failing('watch')
    const broken = steps.map((step) =>
      step.phase === 'switch' ? { ...step, revert: () => Promise.reject(new Error('still no luck')) } : step,
    )
    await expect(runPlan({ ...plan, steps: broken }, progress)).rejects.toThrow(
      'Going back failed too; do it by hand: undo switch.',
    )
    expect(done).toContain('back smoke')
  })

  test('says that a step without a way back may serve', async () => {
    const plan = planOf(({ phase }) => {
      if (phase === 'watch') return { run: () => Promise.reject(new Error('no luck')) }
      return phase === 'switch' ? { oneWay: true } : {}
    }, false)
    await expect(runPlan(plan, progress)).rejects.toThrow(
      'The new version may be serving, and the platform has no way back from "do switch".',
    )
  })

  test('begins no step after a stop, and goes back', async () => {
    const plan = planOf((step) =>
      step.phase === 'switch' ? { run: async () => void done.push('stop') } : {},
    )
    await expect(runPlan(plan, progress)).rejects.toThrow('You stopped the deploy. Serving again: version 1.')
    expect(done).toEqual(['migrations', 'smoke', 'stop', 'back switch', 'back smoke'])
  })

  test('prints each step with its command, what it changes and how it is undone', () => {
    const lines = planLines({ ...planOf(() => ({})), confirm: ['It is new.'] })
    expect(lines.slice(0, 5)).toEqual([
      'Serving now: version 1',
      ' 1. migrations: do migrations',
      '      run migrations',
      '      changes: something',
      '      undone: undo migrations',
    ])
    expect(lines.slice(-2)).toEqual(['Needs --yes:', '  - It is new.'])
  })
})

describe('smoke requests', () => {
  const asked: string[] = []
  let status = 200
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${String(request.headers['x-test'])}`)
    response.writeHead(request.url === '/me' ? 401 : status).end()
  })
  let origin = ''
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => void server.close())

  test('are sent with their headers, and hold by their status or any below 500', async () => {
    const trial = createTrial({ smoke: ['/a?b', { path: '/me', status: 401 }] }, 'p')
    expect(trial.text).toBe('GET /a?b, GET /me (401)')
    await trial.smoke(origin, { 'x-test': 'yes' })
    expect(asked.splice(0)).toEqual(['/a?b yes', '/me yes'])
    await expect(createTrial({ smoke: [{ path: '/me', status: 200 }] }, 'p').watch(origin)).rejects.toThrow(
      '/me answered 401, not 200',
    )
  })

  test('a watch ends with the failure of its last request', async () => {
    status = 503
    await expect(createTrial({ watch: 1 }, 'p').watch(origin)).rejects.toThrow('answered 503, not below 500')
    status = 200
    await createTrial({ watch: 1 }, 'p').watch(origin)
  })

  test.each([
    [{ url: 'links.example.com' }, 'p.url is "links.example.com"'],
    [{ smoke: [] }, 'p.smoke is empty'],
    [{ smoke: ['health'] }, 'p.smoke[0] is "health"'],
    [{ smoke: [{ path: '/', stauts: 200 }] }, 'p.smoke[0] is {"path":"/","stauts":200}'],
  ])('%j is refused with its place', (options, message) => {
    expect(() => createTrial(options as Parameters<typeof createTrial>[0], 'p')).toThrow(message)
  })
})

test('an environment takes no place of another one for its deploys', () => {
  const deploy = { url: 'https://links.example.com', watch: 60, keep: 3 }
  const own = { deploy: { keep: 9 } }
  const whole = { targets: { node: { deploy } }, environments: { staging: { targets: { node: own } } } }
  const options = (name?: string): unknown =>
    environmentDeployOptions(chooseEnvironment(whole, name, 'f'), 'node', ['url'])
  expect(options()).toEqual(deploy)
  expect(options('staging')).toEqual({ watch: 60, keep: 9 })
})
