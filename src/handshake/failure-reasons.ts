/** Placeholder vocabulary until the table is written. */
export type FailureReason = string;
