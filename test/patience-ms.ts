/**
 * How long a condition may take to come true, in milliseconds. Of no weight where all goes well;
 * longer than a lease, and long enough where several suites share few cores.
 */
export const PATIENCE_MS = 90_000
