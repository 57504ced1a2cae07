// Light, dark, or as the system says; remembered in this browser.
export type Theme = 'system' | 'light' | 'dark';
const kKey = 'fettle.theme';
const dark = window.matchMedia('(prefers-color-scheme: dark)');

export function savedTheme(): Theme {
  const value = read(kKey);
  return value === 'light' || value === 'dark' ? value : 'system';
}

export function applyTheme(theme: Theme) {
  write(kKey, theme);
  document.documentElement.dataset.theme = theme === 'system' ? (dark.matches ? 'dark' : 'light') : theme;
}

dark.addEventListener('change', () => applyTheme(savedTheme()));

/** Local storage may be forbidden; then nothing is remembered. */
export function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
export function write(key: string, value: string) {
  try {
    localStorage.setItem(key, value);
  } catch {
    /* not remembered */
  }
}
