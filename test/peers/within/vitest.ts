/** Stands for the package vitest in a bundle of a peer's tests. */
import { expect } from './expect.ts'
import { NotAsked, type PeerTest, type Tools } from './harness.ts'

type Hook = () => unknown
interface Context {
  expect: typeof expect
  onTestFinished: (hook: Hook) => void
}
type Body = (context: Context) => unknown

/** The tests of the bundle, in their order. */
export const registered: PeerTest[] = []
/** What the test that runs was given. Tests run one after the other. */
export let current: Tools = { env: {}, ctx: undefined }

const beforeAllHooks: Hook[] = []
const beforeEachHooks: Hook[] = []
const afterEachHooks: Hook[] = []
let finishers: Hook[] = []
let began = false

export { expect }

export function beforeAll(hook: Hook): void {
  beforeAllHooks.push(hook)
}

export function beforeEach(hook: Hook): void {
  beforeEachHooks.push(hook)
}

export function afterEach(hook: Hook): void {
  afterEachHooks.push(hook)
}

/** A group, with or without options: its tests run one after the other, as all do. */
export function describe(_name: string, ...rest: [...unknown[], () => void]): void {
  ;(rest.at(-1) as () => void)()
}
describe.sequential = describe

/** Nothing is shared that would have to end: the Worker itself ends. */
export function afterAll(): void {}

export function onTestFinished(hook: Hook): void {
  finishers.push(hook)
}

export function test(name: string, body: Body): void {
  registered.push({ name, run: (tools) => runTest(body, tools) })
}

test.skip = (name: string): void => {
  const run = (): never => {
    throw new NotAsked('the peer skips it')
  }
  registered.push({ name, run })
}

async function runTest(body: Body, tools: Tools): Promise<void> {
  current = tools
  finishers = []
  if (!began) for (const hook of beforeAllHooks) await hook()
  began = true
  for (const hook of beforeEachHooks) await hook()
  try {
    await body({ expect, onTestFinished })
  } finally {
    for (const hook of [...finishers, ...afterEachHooks]) await hook()
  }
}
