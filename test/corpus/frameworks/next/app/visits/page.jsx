import { cookies, headers } from 'next/headers'

export default async function Visits() {
  const visits = Number((await cookies()).get('visits')?.value ?? 0) + 1
  const agent = (await headers()).get('x-agent') ?? 'nobody'
  return (
    <p>
      visit {visits} of {agent}
    </p>
  )
}
