"""What ocpp_memory needs: charging stations in a process of their own, and the central system that they connect to."""
