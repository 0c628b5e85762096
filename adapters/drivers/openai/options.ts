import { type DriverOptionTables, type OptionTable, TIMEOUT_ONCE_MS } from '../../../core/option-table.ts'

/**
 * Options of the openai driver.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { ai: { driver: 'openai', url: 'http://127.0.0.1:11434/v1', models: { '*': 'llama3.1' } } },
 * })
 * ```
 */
export interface OpenaiOptions {
  /**
   * Base URL of the AI model's server, without `/chat/completions`: `https://api.openai.com/v1`,
   * `http://127.0.0.1:11434/v1`. Default: the variable of the binding's name, such as `AI_URL`.
   */
  url?: string
  /**
   * Key that is sent to the AI server as `Authorization: Bearer`. Default: the variable `AI_KEY`; without a
   * key, no header is sent.
   */
  key?: string
  /**
   * The AI server's models by the names that the Worker uses: `{ '@cf/meta/llama-3.1-8b-instruct': 'llama3.1'
   * }`. The name `*` matches all others. Default: none, and every call is refused.
   */
  models?: Readonly<Record<string, string>>
  /**
   * Base URLs that replace `url` for AI calls with `gateway: { id }`, by id; `*` matches all others. Default:
   * none, and such a call is refused.
   */
  gateways?: Readonly<Record<string, string>>
  /**
   * Seconds until the headers of the AI server's answer must be there, at most 900; fractions are fine.
   * Default: 120.
   */
  timeout?: number
}

export const options = {
  service: {
    url: 'string',
    key: 'string',
    models: 'object',
    gateways: 'object',
    timeout: TIMEOUT_ONCE_MS,
  } satisfies OptionTable<OpenaiOptions>,
} satisfies DriverOptionTables
