import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { navigate, translateHash } from './router';
import './styles.css';
import { applyTheme, savedTheme } from './theme';

applyTheme(savedTheme());
const target = location.hash ? translateHash(location.hash) : null;
if (target) navigate(target, { replace: true });
createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
