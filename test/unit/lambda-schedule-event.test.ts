import type { EventBridgeEvent } from 'aws-lambda'
import { expect, it } from 'vitest'
import { isScheduleEvent, toScheduleCall } from '../../adapters/lambda/runtime/schedule-event.ts'

const CRONS = ['cleanup', 'weekly-cleanup', 'report']
const now = Date.parse('2026-11-23T03:00:42.500Z')

function rule(name: string): EventBridgeEvent<'Scheduled Event', object> {
  return {
    id: '1',
    version: '0',
    account: '123456789012',
    time: '2026-11-23T03:00:00Z',
    region: 'eu-west-1',
    resources: [`arn:aws:events:eu-west-1:123456789012:rule/${name}`],
    source: 'aws.events',
    'detail-type': 'Scheduled Event',
    detail: {},
  }
}

it('reads our own input', () => {
  const event = { unmoor: { cron: 'cleanup' }, time: '2026-11-23T03:00:00.007Z' }
  expect(isScheduleEvent(event)).toBe(true)
  expect(toScheduleCall(event, CRONS, now)).toEqual({
    cron: 'cleanup',
    scheduledTime: Date.parse('2026-11-23T03:00:00.007Z'),
  })
})

it('means this minute where a constant input has no time', () => {
  expect(toScheduleCall({ unmoor: { cron: 'cleanup' } }, CRONS, now).scheduledTime).toBe(
    Date.parse('2026-11-23T03:00:00Z'),
  )
})

it.each([
  ['cleanup', 'cleanup'],
  ['links-cleanup', 'cleanup'],
  ['links-weekly-cleanup', 'weekly-cleanup'],
  ['bus/links-report', 'report'],
])('finds the cron of the rule %s', (name, cron) => {
  expect(isScheduleEvent(rule(name))).toBe(true)
  expect(toScheduleCall(rule(name), CRONS, now)).toEqual({
    cron,
    scheduledTime: Date.parse('2026-11-23T03:00:00Z'),
  })
})

it('names what the app does not have', () => {
  const notFound = (text: string): object =>
    expect.objectContaining({ code: 'NotFound', message: expect.stringContaining(text) })
  expect(() => toScheduleCall({ unmoor: { cron: 'nope' } }, CRONS, now)).toThrow(notFound('"nope"'))
  expect(() => toScheduleCall(rule('links-recleanup'), CRONS, now)).toThrow(notFound('"links-recleanup"'))
  expect(() => toScheduleCall({ 'detail-type': 'Scheduled Event' }, CRONS, now)).toThrow(
    notFound('names none'),
  )
  expect(() => toScheduleCall({ unmoor: { cron: 'cleanup' }, time: 'soon' }, CRONS, now)).toThrow(
    expect.objectContaining({ code: 'InvalidArgument' }),
  )
})

it('leaves other events alone', () => {
  for (const event of [null, 1, 'x', {}, { unmoor: {} }, { 'detail-type': 'Object Created' }])
    expect(isScheduleEvent(event)).toBe(false)
})
