"""What stands in for Microsoft's services: To Do, the Functions host, Entra, Event Grid, Application Insights."""
