// Lint rules, among them the import directions that fail the build:
//
//   app -> features -> session -> api -> lib
//   app -> features -> ui -> lib          (a feature never imports another feature)
//
// Another folder is imported as "@/folder", never by "../", so that the rules need no resolver;
// and of api, session, ui and a feature only their index is public.
import js from "@eslint/js";
import jsxA11y from "eslint-plugin-jsx-a11y";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

/** Folder -> the folders that it must not import. */
const FORBIDDEN = {
  lib: "api|session|ui|features|app",
  api: "session|ui|features|app",
  session: "ui|features|app",
  ui: "api|session|features|app",
  features: "features|app",
};

const RELATIVE = { regex: "^\\.\\./", message: "Import another folder as '@/folder'." };
const DEEP = { regex: "^@/(api|session|ui|features/[^/]+)/", message: "Import from the folder's index." };

const layers = Object.entries(FORBIDDEN).map(([folder, forbidden]) => ({
  files: [`src/${folder}/**/*.{ts,tsx}`],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          RELATIVE,
          DEEP,
          { regex: `^@/(${forbidden})(/|$)`, message: `${folder}/ stands below this: see eslint.config.js.` },
        ],
      },
    ],
  },
}));

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
    rules: {
      "no-restricted-syntax": [
        "error",
        { selector: "CallExpression[callee.name='fetch']", message: "Call the API through @/api." },
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Never raw HTML." },
        { selector: "JSXAttribute[name.name='style']", message: "Styles stand in the style sheets." },
      ],
      "@typescript-eslint/consistent-type-definitions": ["error", "interface"],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true }],
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
    },
  },
  {
    files: ["src/app/**/*.{ts,tsx}"],
    rules: { "no-restricted-imports": ["error", { patterns: [RELATIVE, DEEP] }] },
  },
  ...layers,
  {
    files: ["scripts/**/*.mjs", "eslint.config.js"],
    languageOptions: { globals: { process: "readonly", console: "readonly", URL: "readonly" } },
  },
);
