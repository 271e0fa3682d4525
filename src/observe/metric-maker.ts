import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { MetricPlan } from './metric-list.ts'

/** Makes metrics of plans, in one registry. */
export function createMetricMaker(registry: Registry) {
  const describe = <Label extends string>({ name, help, labels }: MetricPlan<Label>) => ({
    name,
    help,
    labelNames: labels,
    registers: [registry],
  })
  return {
    counter: <Label extends string>(plan: MetricPlan<Label>) => new Counter(describe(plan)),
    gauge: <Label extends string>(plan: MetricPlan<Label>) => new Gauge(describe(plan)),
    histogram: <Label extends string>(plan: MetricPlan<Label>) =>
      new Histogram({ ...describe(plan), buckets: [...(plan.buckets ?? [])] }),
  }
}

export type MetricMaker = ReturnType<typeof createMetricMaker>
