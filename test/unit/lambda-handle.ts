import { handleEvent, type EventResult } from '../../adapters/lambda/runtime/events.ts'
import { defineApp } from '../../core/app.ts'
import { createContext } from '../../core/context.ts'
import { createRuntime } from '../../core/runtime/runtime.ts'

/** Handles one event by an app of that handler, behind a Function URL that streams. */
export async function handle(
  event: unknown,
  fetch: (request: Request) => Response | Promise<Response> = () => new Response('ok'),
): Promise<{ result: EventResult; lines: string[] }> {
  const lines: string[] = []
  const log = (message: string, error?: unknown): void =>
    void lines.push(error === undefined ? message : `${message} ${String(error)}`)
  const runtime = await createRuntime({
    app: defineApp({ fetch }),
    name: 'test',
    drivers: {},
    variable: () => undefined,
    onError: log,
  })
  const result = await handleEvent(event, createContext(), new AbortController().signal, {
    runtime,
    invokeMode: 'RESPONSE_STREAM',
    variable: () => undefined,
    log,
  })
  return { result, lines }
}
