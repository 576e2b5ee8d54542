// Lint rules, among them the import directions that fail the build:
//
//   app -> features -> session -> api -> lib
//   app -> features -> ui -> lib          (a feature never imports another feature)
import js from "@eslint/js";
import { createTypeScriptImportResolver } from "eslint-import-resolver-typescript";
import importX from "eslint-plugin-import-x";
import jsxA11y from "eslint-plugin-jsx-a11y";
import reactHooks from "eslint-plugin-react-hooks";
import { readdirSync } from "node:fs";
import tseslint from "typescript-eslint";

const features = readdirSync(new URL("./src/features", import.meta.url));

const layers = [
  { target: "./src/lib", from: ["./src/api", "./src/session", "./src/ui", "./src/features", "./src/app"] },
  { target: "./src/api", from: ["./src/session", "./src/ui", "./src/features", "./src/app"] },
  { target: "./src/ui", from: ["./src/api", "./src/session", "./src/features", "./src/app"] },
  { target: "./src/session", from: ["./src/ui", "./src/features", "./src/app"] },
  { target: "./src/features", from: ["./src/app"] },
  ...features.map((name) => ({
    target: `./src/features/${name}`,
    from: "./src/features",
    except: [`./${name}`],
    message: "Features do not import each other: move what they share to ui, session, api or lib.",
  })),
];

export default tseslint.config(
  { ignores: ["dist", "node_modules", "src/api/schema.ts"] },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked,
      reactHooks.configs.flat.recommended,
      jsxA11y.flatConfigs.strict,
    ],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { "import-x": importX },
    settings: { "import-x/resolver-next": [createTypeScriptImportResolver()] },
    rules: {
      "import-x/no-restricted-paths": ["error", { zones: layers, basePath: import.meta.dirname }],
      "import-x/no-cycle": "error",
      "no-restricted-syntax": [
        "error",
        { selector: "CallExpression[callee.name='fetch']", message: "Call the API through @/api." },
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Never raw HTML." },
      ],
      "@typescript-eslint/consistent-type-definitions": ["error", "interface"],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true }],
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
    },
  },
  {
    files: ["scripts/**/*.mjs", "eslint.config.js"],
    languageOptions: { globals: { process: "readonly", console: "readonly", URL: "readonly" } },
  },
);
