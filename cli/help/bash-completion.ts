/**
 * The completion of bash. What the library writes for it needs a package that many machines do not have, cannot be sourced
 * twice, and evaluates what stands on the line: `$(…)` would run on the tab key.
 */

/** A script for `eval` in `~/.bashrc`. */
export const BASH_COMPLETION = String.raw`# bash completion for dovetail
__dovetail_complete() {
  local current="\${COMP_WORDS[COMP_CWORD]}" line value
  COMPREPLY=()
  while IFS= read -r line; do
    case "$line" in :[0-9]*) continue ;; esac
    value="\${line%%$'\t'*}"
    [[ -n "$value" && "$value" == "$current"* ]] && COMPREPLY+=("$value")
  done < <(dovetail complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F __dovetail_complete dovetail
`.replaceAll("\\$", "$");
