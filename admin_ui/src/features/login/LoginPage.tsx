import { useState } from "react";

import { useLogin } from "@/session";
import { Button, Failure, Icon, TextField } from "@/ui";

import "./login.css";

export function LoginPage() {
  const login = useLogin();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  return (
    <main className="login">
      <div className="login__card">
        <div className="login__brand">
          <Icon name="audit" size={26} />
          <h1>Sovgate</h1>
        </div>
        <p className="muted">Sign in to administer this gateway.</p>
        <form
          className="form"
          onSubmit={(event) => {
            event.preventDefault();
            login.mutate({ email: email.trim(), password });
          }}
        >
          <TextField
            label="E-mail"
            type="email"
            name="email"
            autoComplete="username"
            required
            // The page has this one purpose, so the focus starts where the typing does.
            // eslint-disable-next-line jsx-a11y/no-autofocus
            autoFocus
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
          <TextField
            label="Password"
            type="password"
            name="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
          {login.error && <Failure error={login.error} />}
          <Button type="submit" variant="primary" className="button--block" busy={login.isPending}>
            Sign in
          </Button>
        </form>
      </div>
    </main>
  );
}
