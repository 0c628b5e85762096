import type { Mutant } from './mutant.ts'

const mutant = (
  is: string,
  convicts: readonly string[],
  ...[file, from, to]: readonly [file: string, from: string, to: string]
): Mutant => ({
  is: `nats queue: ${is}`,
  driver: 'nats',
  workload: 'queue',
  convicts,
  patches: [{ file: `adapters/drivers/nats/${file}`, from, to }],
})

export const NATS: readonly Mutant[] = [
  mutant(
    'an acknowledgement is not sent',
    ['delivered after ack', 'attempts reused', 'dead after ack'],
    'queue.js',
    "await this.#tell(reply, '+ACK');\n            return this.#leases.acked(delivery);",
    'return this.#leases.settled(reply);',
  ),
  mutant(
    'a delay is ignored',
    ['early'],
    'queue.js',
    'message.delaySeconds > 0 ? own.later : own.now',
    'own.now',
  ),
  mutant(
    'the delay of a retry is ignored',
    ['early'],
    'queue.js',
    'await this.#tell(reply, settlement.delaySeconds > 0',
    'await this.#tell(reply, settlement.delaySeconds > 1e6',
  ),
  mutant(
    'a message dies one delivery early',
    ['dead too early'],
    'queue.js',
    'if (deliveryOf(reply).attempts <= maxRetries)',
    'if (deliveryOf(reply).attempts < maxRetries)',
  ),
  mutant(
    'a message whose retries are used up is dropped',
    ['dead letter missing', 'lost'],
    'queue.js',
    '            if (deadLetter !== undefined)\n                await this.#bury(message, reply, deadLetter);\n            else {',
    "            if (deadLetter !== undefined)\n                await this.#tell(reply, '+TERM');\n            else {",
  ),
  mutant(
    'a lease is not renewed',
    ['two holders'],
    'leases.js',
    'held.until = Date.now() + seconds * 1000;\n            held.timer',
    'held.timer',
  ),
  mutant(
    'a long body is cut',
    ['damaged'],
    'queue.js',
    'await this.#connection.store(subject, message.body, headers);\n            }',
    'await this.#connection.store(subject, message.body.slice(0, 30000), headers);\n            }',
  ),
]
