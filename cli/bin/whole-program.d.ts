/** Types of whole-program.js, which stays plain JavaScript because any Node runs it. */

export const WHOLE_PROGRAM: string;
export function sourceStamp(root?: string): string;
export function isCurrent(file?: string, root?: string): boolean;
