import type { Runtime } from '../../../core/runtime/runtime.ts'
import type { TestChannel } from '../../../core/runtime/test-channel.ts'
import type { WorkerContext } from './context.ts'
import { createQueueTracker, type QueueTracker } from './queue-tracker.ts'

/**
 * Test channel: the part of a Worker, only in builds for tests, through which tests reach the Worker's
 * bindings.
 */
export interface WorkerTestChannel {
  tracker: QueueTracker
  /**
   * Answers a request through the test channel if the request is addressed to the channel, else by the app.
   */
  answer(
    runtime: Runtime,
    request: Request,
    env: Readonly<Record<string, unknown>>,
    ctx: WorkerContext,
  ): Promise<Response>
}

/** Creates the test channel of a Worker; its token is the variable UNMOOR_TEST_TOKEN. */
export function createTestChannel(channel: TestChannel): WorkerTestChannel {
  return {
    tracker: createQueueTracker(),
    async answer(runtime, request, env, ctx) {
      const token = env['UNMOOR_TEST_TOKEN']
      return (
        (await channel(runtime, request, ctx, typeof token === 'string' ? token : undefined)) ??
        runtime.fetch(request, ctx)
      )
    },
  }
}
