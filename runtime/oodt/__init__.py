"""OODT's own services, as their clients see them: XML-RPC, Workflow Manager, File Manager."""
