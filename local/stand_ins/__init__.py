"""Stand-ins for Microsoft's services: To Do, the Functions host, Entra, Event Grid, Application Insights."""
