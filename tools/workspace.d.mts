/** Types of workspace.mjs, which stays plain JavaScript because Node 18 runs it. */

export const ROOT: string;
export const WORKSPACE_NODE: string;
export function isInstallStale(folder: string): boolean;
export function ensureInstalled(folder: string): void;
export function findNode(): string;
