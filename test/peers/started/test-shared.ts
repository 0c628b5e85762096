/** Stands for miniflare's `test/test-shared` in tests that start Workers. */
import { NotAsked } from '../within/harness.ts'
import { onTestFinished } from '../within/vitest.ts'

export { MiniflareDurableObjectControlStub } from './clock.ts'

interface Disposable {
  dispose(): Promise<void>
}

export const singleModuleManifest = (text: string): string => text
export const disposeWithRetry = (worker: Disposable): Promise<void> => worker.dispose()
export const useDispose = (worker: Disposable): void => onTestFinished(() => worker.dispose())
export const removeDir = (): void => {}

export function useTmp(): never {
  throw new NotAsked('it looks at files of the simulator')
}

/** What miniflare logs is cut out of the tests. */
export class TestLog {
  logs: unknown[] = []
}
