import type { Client, Plan } from './plan-data.ts'

/**
 * Removes parts of a list as long as the rest still fails, by halves, quarters and so on (ddmin of Zeller and
 * Hildebrandt, 2002, over complements). `fails` is asked of each list once.
 */
export async function ddmin<Part>(
  parts: readonly Part[],
  fails: (rest: readonly Part[]) => Promise<boolean>,
): Promise<readonly Part[]> {
  let rest = parts
  for (let pieces = 2; rest.length > 0;) {
    const size = Math.ceil(rest.length / pieces)
    let isSmaller = false
    for (let at = 0; at < rest.length; at += size) {
      const without = [...rest.slice(0, at), ...rest.slice(at + size)]
      if (!(await fails(without))) continue
      rest = without
      isSmaller = true
      break
    }
    if (isSmaller) pieces = Math.max(2, pieces - 1)
    else if (size <= 1) break
    else pieces = Math.min(rest.length, pieces * 2)
  }
  return rest
}

/** Makes a failing plan smaller: first fewer faults, then clients, keys and steps. */
export async function shrinkPlan(plan: Plan, fails: (plan: Plan) => Promise<boolean>): Promise<Plan> {
  let smallest = plan
  const shrink = async <Part>(
    parts: readonly Part[],
    rebuild: (rest: readonly Part[]) => Plan,
  ): Promise<void> => {
    smallest = rebuild(await ddmin(parts, (rest) => fails(rebuild(rest))))
  }
  await shrink(plan.faults, (faults) => ({ ...plan, faults }))
  const few = smallest
  // An empty client stays in its place, because names of values are drawn from the client's number.
  const filled = (client: Client): boolean => client.steps.length > 0
  const clients = few.clients.flatMap((client, number) => (filled(client) ? [number] : []))
  await shrink(clients, (rest) => ({
    ...few,
    clients: few.clients.map((client, number) => (rest.includes(number) ? client : { ...client, steps: [] })),
  }))
  const fewer = smallest
  const keys = [...new Set(fewer.clients.flatMap(({ steps }) => steps.map(({ key }) => key)))]
  await shrink(keys, (rest) => withSteps(fewer, (_, step) => rest.includes(step.key)))
  const fewest = smallest
  const steps = fewest.clients.flatMap((client, number) => client.steps.map((_, step) => `${number}.${step}`))
  await shrink(steps, (rest) => {
    const kept = new Set(rest)
    return withSteps(fewest, (name) => kept.has(name))
  })
  return smallest
}

function withSteps(plan: Plan, keeps: (name: string, step: Client['steps'][number]) => boolean): Plan {
  return {
    ...plan,
    clients: plan.clients.map(({ process, steps }, number) => ({
      process,
      steps: steps.filter((step, index) => keeps(`${number}.${index}`, step)),
    })),
  }
}
